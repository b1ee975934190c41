/** Share sheet of phones and tablets, which passes an image to another app. */

import type { Job } from './types';

/** Returns whether this device has a share sheet that accepts images. */
export function hasShareSheet(): boolean {
  const sample = new File([], 'picture.jpg', { type: 'image/jpeg' });
  return 'canShare' in navigator && navigator.canShare({ files: [sample] });
}

/** Downloads the result of a job for the share sheet. */
export async function downloadResult(job: Job): Promise<File> {
  const answer = await fetch(`${job.links.result ?? ''}?format=jpeg`);
  if (!answer.ok) throw new Error(`the server answered ${String(answer.status)}`);
  return new File([await answer.blob()], `${job.title}.jpg`, { type: 'image/jpeg' });
}

/**
 * Opens the share sheet with an image. Closing the share sheet is no error. Throws a NotAllowedError if the visitor's last
 * tap is too long ago.
 */
export async function sendPicture(picture: File, title: string): Promise<void> {
  try {
    await navigator.share({ files: [picture], title });
  } catch (error) {
    if (!(error instanceof DOMException && error.name === 'AbortError')) throw error;
  }
}
