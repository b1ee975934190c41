/** Base path of the page: / or the path that the server sets in <base>, such as /nst/. */

export function basePath(): string {
  // A worker has no document; the tab that starts the worker passes this path as the worker's name.
  if (typeof document === 'undefined') return self.name;
  const base = document.querySelector('base');
  return base ? new URL('./', base.href).pathname : '/';
}
