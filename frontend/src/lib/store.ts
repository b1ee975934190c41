/**
 * What the browser keeps for the page. Where it keeps nothing, because cookies are blocked or there is no
 * space, the page works without; it then forgets when it is loaded again.
 */

/** The text under this key, or null. */
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
    // It keeps nothing anyway.
  }
}

/** Whether it was kept. */
export function keep(key: string, text: string): boolean {
  try {
    localStorage.setItem(key, text);
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
