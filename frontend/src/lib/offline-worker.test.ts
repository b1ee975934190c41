import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it, vi } from 'vitest';

const PAGE = '<base href="/">';

let listeners: Record<string, (event: object) => void>;

/** Runs the service worker in a browser that stores nothing more. */
beforeEach(() => {
  listeners = {};
  const worker = {
    registration: { scope: 'http://nst/' },
    location: { origin: 'http://nst' },
    clients: {},
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
