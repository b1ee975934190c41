/**
 * Service worker: while the server cannot be reached, answers from a cache of the page, its assets, and the options,
 * samples and learned styles of the studio. Jobs and their images are not cached. Also shows notifications.
 */

const KEPT = 'nst-offline';
const ROOT = new URL(self.registration.scope).pathname;
/** Statuses of a proxy that does not reach the server, for example during a restart of the server. */
const UNREACHED = [502, 503, 504];
const OFFERED = /^api\/v1\/(options$|styles|contents|learned-styles$)/;

self.addEventListener('install', (event) => {
  event.waitUntil(fetchAndKeep(ROOT).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== self.location.origin) return;
  const path = pathname.slice(ROOT.length);
  if (path.startsWith('assets/')) event.respondWith(find(request).then((found) => found ?? fetchAndKeep(request)));
  else if (OFFERED.test(path)) event.respondWith(orCached(fetchAndKeep(request), request));
  else if (request.mode === 'navigate' && !path.startsWith('api/')) event.respondWith(orCached(openPage(request), ROOT));
});

/** Shows a notification for a tab. */
self.addEventListener('message', (event) => {
  const { title, options, address } = event.data;
  event.waitUntil(self.registration.showNotification(title, { ...options, data: { tab: event.source.id, address } }));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(showTab(event.notification.data));
});

/** Shows the tab that asked for a notification, or opens its page again if it was closed. */
async function showTab({ tab, address }) {
  const client = await self.clients.get(tab);
  await (client ? client.focus() : self.clients.openWindow(address));
}

const find = (request) => caches.match(request, { ignoreVary: true });

/** Returns the answer of the server; if the server cannot be reached, returns the cached answer to `request` where there is one. */
async function orCached(fetched, request) {
  const answer = await fetched.catch(() => null);
  if (answer && !UNREACHED.includes(answer.status)) return answer;
  return (await find(request)) ?? fetched;
}

async function fetchAndKeep(request) {
  const answer = await fetch(request);
  if (answer.ok) await keep(request, answer.clone());
  return answer;
}

/** Caches an answer. Errors are ignored: where the browser's storage is full, the page only needs its server. */
async function keep(request, answer) {
  try {
    const cache = await caches.open(KEPT);
    await cache.put(request, answer);
  } catch {
    // The answer of the server is used anyway.
  }
}

/** Opens a page: the same one for every address, but that of a shared image has preview tags and is not cached. */
async function openPage(request) {
  const answer = await fetch(request);
  if (answer.ok && !answer.url.includes('/shared/')) await keepPage(answer.clone());
  return answer;
}

/** Caches the page; if it has changed, first clears the cache, whose files belong to another version. */
async function keepPage(answer) {
  const page = await answer.clone().text();
  const before = await (await find(ROOT))?.text();
  if (before === page || !page.includes('<base ')) return;
  await caches.delete(KEPT);
  await keep(ROOT, answer);
}
