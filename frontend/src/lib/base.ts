/** The path below which the page is: / or, where the server says so in <base>, another, as /nst/. */

export function basePath(): string {
  const base = document.querySelector('base');
  return base ? new URL('./', base.href).pathname : '/';
}
