/**
 * What the browser keeps for the page. Where it keeps nothing, because cookies are blocked or there is no
 * space, the page works without; it then forgets when it is loaded again.
 */

type Kind = 'localStorage' | 'sessionStorage';

/** The text under this key, or null. */
export function recall(key: string, kind: Kind = 'localStorage'): string | null {
  try {
    return globalThis[kind].getItem(key);
  } catch {
    return null;
  }
}

/** Whether it was kept. */
export function keep(key: string, text: string, kind: Kind = 'localStorage'): boolean {
  try {
    globalThis[kind].setItem(key, text);
    return true;
  } catch {
    return false;
  }
}

/** Whether the browser sends cookies back, without which nobody finds their jobs again. */
export function hasCookies(): boolean {
  return navigator.cookieEnabled;
}
