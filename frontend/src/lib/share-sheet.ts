/** Share sheet of phones and tablets, which passes an image to another app. */

import type { Job } from './types';

/** Returns whether this device has a share sheet that accepts images. */
export function hasShareSheet(): boolean {
  const sample = new File([], 'picture.jpg', { type: 'image/jpeg' });
  return 'canShare' in navigator && navigator.canShare({ files: [sample] });
}

/** Opens the share sheet with the result of a job. Closing the share sheet is no error. */
export async function sendResult(job: Job): Promise<void> {
  const answer = await fetch(`${job.links.result ?? ''}?format=jpeg`);
  if (!answer.ok) throw new Error(`the server answered ${String(answer.status)}`);
  const file = new File([await answer.blob()], `${job.title}.jpg`, { type: 'image/jpeg' });
  try {
    await navigator.share({ files: [file], title: job.title });
  } catch (error) {
    if (!(error instanceof DOMException && error.name === 'AbortError')) throw error;
  }
}
