/**
 * Browser storage of the page, which all of its tabs share. If the browser stores nothing, because cookies are blocked
 * or there is no space, the page still works, but forgets everything on a reload.
 */

/** Texts that the browser did not store, by their keys. */
const unstored = new Map<string, string>();

/** Returns the text kept under this key; null if there is none. */
export function recall(key: string): string | null {
  try {
    return unstored.get(key) ?? localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function forget(key: string): void {
  unstored.delete(key);
  try {
    localStorage.removeItem(key);
  } catch {
    // The browser stores nothing anyway.
  }
}

/** Keeps a text under this key: stored by the browser, or else until a reload. */
export function keep(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
    unstored.delete(key);
  } catch {
    unstored.set(key, text);
  }
}

/** Calls a function whenever another tab has changed the text stored under this key. */
export function listen(key: string, onChange: () => void): void {
  addEventListener('storage', (event) => {
    // No key: all texts were removed.
    if (event.key === key || event.key === null) onChange();
  });
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
