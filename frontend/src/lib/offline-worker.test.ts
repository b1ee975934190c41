import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it, vi } from 'vitest';

const PAGE = '<base href="/">';

const tabs = new Map<string, { focus: () => void }>();
const openWindow = vi.fn();
const showNotification = vi.fn();

let listeners: Record<string, (event: object) => void>;

/** Runs the service worker in a browser that stores nothing more. */
beforeEach(() => {
  listeners = {};
  tabs.clear();
  const worker = {
    registration: { scope: 'http://nst/', showNotification },
    location: { origin: 'http://nst' },
    clients: { get: (id: string) => Promise.resolve(tabs.get(id)), openWindow },
    skipWaiting: vi.fn(),
    addEventListener: (name: string, listener: () => void) => (listeners[name] = listener),
  };
  const full = { put: () => Promise.reject(new DOMException('full', 'QuotaExceededError')) };
  const caches = { open: () => Promise.resolve(full), match: () => Promise.resolve(undefined), delete: () => Promise.resolve(true) };
  const fetch = () => Promise.resolve(new Response(PAGE));
  new Function('self', 'caches', 'fetch', readFileSync('public/offline.js', 'utf8'))(worker, caches, fetch);
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
