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

/**
 * Whether the browser keeps cookies, without which nobody finds their jobs again. This is tried out, because
 * navigator.cookieEnabled stays true in Chromium when its user forbids all cookies.
 */
export function hasCookies(): boolean {
  const [name, attributes] = ['nst_cookie_probe=1', 'path=/; SameSite=Strict'];
  try {
    document.cookie = `${name}; ${attributes}`;
    const isKept = document.cookie.split('; ').includes(name);
    document.cookie = `${name}; ${attributes}; Max-Age=0`;
    return isKept;
  } catch {
    return false;
  }
}
