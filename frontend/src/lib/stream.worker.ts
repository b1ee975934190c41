/** Shared worker that runs once for all tabs of the browser. */

import { StreamHub, type Port } from './stream-hub';

const hub = new StreamHub();

addEventListener('connect', (event) => {
  hub.connect((event as MessageEvent).ports[0] as Port);
});
