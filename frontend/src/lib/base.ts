/** The path below which the page is: / or, where the server says so in <base>, another, as /nst/. */

export function basePath(): string {
  return new URL('./', document.baseURI).pathname;
}
