/** Router: maps addresses to pages, and navigates without reloading the page. */

import { tick } from 'svelte';
import { basePath } from './base';

export type Route =
  | { name: 'home' | 'studio' | 'history' | 'live' | 'about' | 'missing' }
  | { name: 'job'; id: string }
  | { name: 'variations' | 'set'; ids: string[] }
  | { name: 'shared'; token: string };

/**
 * Returns the route of a path: /, /studio, /jobs, /jobs/<id>, /variations/<id>,<id>…, /set/<id>,<id>…, /live, /about,
 * /shared/<token>.
 */
export function routeOf(path: string): Route {
  const [first, second, ...rest] = path.split('/').filter(Boolean).map(decode);
  if (rest.length > 0) return { name: 'missing' };
  if (first === undefined) return { name: 'home' };
  if (second === undefined) {
    if (first === 'studio' || first === 'live' || first === 'about') return { name: first };
    if (first === 'jobs') return { name: 'history' };
  } else {
    if (first === 'jobs') return { name: 'job', id: second };
    if (first === 'variations' || first === 'set') return { name: first, ids: second.split(',') };
    if (first === 'shared') return { name: 'shared', token: second };
  }
  return { name: 'missing' };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Returns the current path without the base path, with a leading slash. */
function pathHere(): string {
  const base = basePath();
  return location.pathname.startsWith(base) ? location.pathname.slice(base.length - 1) : location.pathname;
}

class Location {
  path = $state(pathHere());
  search = $state(location.search);
  readonly route = $derived(routeOf(this.path));
  readonly query = $derived(new URLSearchParams(this.search));

  read(): void {
    this.path = pathHere();
    this.search = location.search;
  }
}

export const here = new Location();

/** Opens a page. A relative `address` is resolved against the base path: `studio`, `jobs/5`. */
export async function go(address: string, { replace = false } = {}): Promise<void> {
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  const path = here.path;
  here.read();
  await tick();
  if (here.path !== path) scrollTo(0, 0);
}

/** Returns whether a click on this link stays within the page. */
export function isOurs(event: MouseEvent, link: HTMLAnchorElement): boolean {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  const opensElsewhere = link.target !== '' || link.hasAttribute('download');
  const base = basePath();
  const outside =
    link.origin !== location.origin || !link.pathname.startsWith(base) || link.pathname.startsWith(`${base}api/`);
  const sameSpot = link.hash !== '' && link.pathname === location.pathname;
  return plain && !opensElsewhere && !outside && !sameSpot && !event.defaultPrevented;
}

/** Makes plain clicks on the document's links navigate without reloading the page. */
export function followLinks(): void {
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || !isOurs(event, link)) return;
    event.preventDefault();
    void go(link.pathname + link.search + link.hash);
  });
  addEventListener('popstate', () => {
    here.read();
  });
}
