import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it, vi } from 'vitest';

const PAGE = '<base href="/">';

const tabs = new Map<string, { focus: () => void }>();
const openWindow = vi.fn();
const showNotification = vi.fn();

let listeners: Record<string, (event: object) => void>;

/** Runs the service worker with this cache and this network. */
function run(cache: object, match: (request: Request | string) => Promise<Response | undefined>, fetch: () => Promise<Response>): void {
  listeners = {};
  tabs.clear();
  const worker = {
    registration: { scope: 'http://nst/', showNotification },
    location: { origin: 'http://nst' },
    clients: { get: (id: string) => Promise.resolve(tabs.get(id)), openWindow },
    skipWaiting: vi.fn(),
    addEventListener: (name: string, listener: () => void) => (listeners[name] = listener),
  };
  const caches = { open: () => Promise.resolve(cache), match, delete: () => Promise.resolve(true) };
  new Function('self', 'caches', 'fetch', readFileSync('public/offline.js', 'utf8'))(worker, caches, fetch);
}

/** Runs the service worker in a browser that stores nothing more. */
beforeEach(() => {
  const full = { put: () => Promise.reject(new DOMException('full', 'QuotaExceededError')) };
  run(full, () => Promise.resolve(undefined), () => Promise.resolve(new Response(PAGE)));
});

function answerTo(path: string, mode = 'cors'): Promise<Response> {
  return new Promise((respondWith) => {
    listeners['fetch']?.({ request: { method: 'GET', mode, url: `http://nst/${path}` }, respondWith });
  });
}

describe('the service worker, where the storage is full', () => {
  it.each([
    ['a page', 'studio', 'navigate'],
    ['a file of the page', 'assets/index.js', 'cors'],
    ['the options', 'api/v1/options', 'cors'],
  ])('returns %s from the server', async (_, path, mode) => {
    expect(await (await answerTo(path, mode)).text()).toBe(PAGE);
  });

  it('is installed', async () => {
    const installed = new Promise((waitUntil) => {
      listeners['install']?.({ waitUntil });
    });
    await expect(installed).resolves.toBeUndefined();
  });
});

describe('the service worker, behind a proxy that does not reach the server', () => {
  const requests = [
    ['a page', 'studio', 'navigate'],
    ['the options', 'api/v1/options', 'cors'],
  ] as const;
  const kept = new Map<string, Response>();
  const pathOf = (request: Request | string) => (typeof request === 'string' ? request : new URL(request.url).pathname);
  let answer: () => Response;

  beforeEach(() => {
    kept.clear();
    const cache = {
      put: (request: Request | string, response: Response) => {
        kept.set(pathOf(request), response);
        return Promise.resolve();
      },
    };
    run(cache, (request) => Promise.resolve(kept.get(pathOf(request))?.clone()), () => Promise.resolve(answer()));
  });

  describe.each([502, 503, 504])('and answers %i', (status) => {
    it.each(requests)('returns %s from its cache', async (_, path, mode) => {
      answer = () => new Response(PAGE);
      expect(await (await answerTo(path, mode)).text()).toBe(PAGE);
      answer = () => new Response('Bad Gateway', { status });
      const found = await answerTo(path, mode);
      expect([found.status, await found.text()]).toEqual([200, PAGE]);
    });

    it.each(requests)('returns the answer of the proxy where %s is not cached', async (_, path, mode) => {
      answer = () => new Response('Bad Gateway', { status });
      expect((await answerTo(path, mode)).status).toBe(status);
    });
  });

  it('returns other errors of the server', async () => {
    answer = () => new Response(PAGE);
    await answerTo('api/v1/options');
    answer = () => new Response('refused', { status: 429 });
    expect((await answerTo('api/v1/options')).status).toBe(429);
  });
});

describe('a notification', () => {
  const message = { title: 'Finished', options: { body: 'cat' }, address: 'http://nst/jobs/1' };
  const data = { tab: '7', address: message.address };
  const close = vi.fn();

  function click(): Promise<unknown> {
    return new Promise((waitUntil) => {
      listeners['notificationclick']?.({ notification: { close, data }, waitUntil });
    });
  }

  it('is shown for a tab', () => {
    listeners['message']?.({ data: message, source: { id: '7' }, waitUntil: vi.fn() });
    expect(showNotification).toHaveBeenCalledExactlyOnceWith('Finished', { body: 'cat', data });
  });

  it('that is clicked shows this tab', async () => {
    const focus = vi.fn();
    tabs.set('7', { focus });
    await click();
    expect(focus).toHaveBeenCalledOnce();
    expect(openWindow).not.toHaveBeenCalled();
    expect(close).toHaveBeenCalledOnce();
  });

  it('that is clicked opens its page again if the tab was closed', async () => {
    await click();
    expect(openWindow).toHaveBeenCalledExactlyOnceWith(message.address);
  });
});
