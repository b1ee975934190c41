/** Lets the page open while the server cannot be reached, with what was fetched before. */

import { basePath } from './base';

export function worksOffline(): void {
  // Missing where the page came over an insecure line; refused where the browser keeps nothing for it.
  const { serviceWorker } = navigator as Partial<Navigator>;
  addEventListener('load', () => {
    void serviceWorker?.register(`${basePath()}offline.js`, { scope: basePath() }).catch(() => undefined);
  });
}
