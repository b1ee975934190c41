/**
 * Browser storage of the page. If the browser stores nothing, because cookies are blocked or there is no space, the
 * page still works, but forgets everything on a reload.
 */

/** Returns the text stored under this key; null if there is none. */
export function recall(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function forget(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // The browser stores nothing anyway.
  }
}

/** Stores a text under this key and returns whether it was stored. */
export function keep(key: string, text: string): boolean {
  try {
    localStorage.setItem(key, text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns whether the browser keeps cookies, without which nobody finds their jobs again. It sets a test cookie,
 * because navigator.cookieEnabled stays true in Chromium when its user blocks all cookies.
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
