/** The path below which the page is: / or, where the server says so in <base>, another, as /nst/. */

export function basePath(): string {
  // A worker has no document; the tab that starts it gives it this path as its name.
  if (typeof document === 'undefined') return self.name;
  const base = document.querySelector('base');
  return base ? new URL('./', base.href).pathname : '/';
}
