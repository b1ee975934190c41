/** Service worker that opens the page while the server is unreachable, with what was fetched before. */

import { basePath } from './base';

export function worksOffline(): void {
  // serviceWorker is missing on insecure pages, and registration fails if the browser stores nothing for the page.
  const { serviceWorker } = navigator as Partial<Navigator>;
  addEventListener('load', () => {
    void serviceWorker?.register(`${basePath()}offline.js`, { scope: basePath() }).catch(() => undefined);
  });
}
