/** Drafts of an order: a draft is a job of about one second, which is deleted as soon as its image is downloaded. */

import { cancelJob, deleteJob, download, getJob, newKey, Problem, submitJob } from './api';
import { isActive, thumb } from "./job";
import { smaller } from './pixels';
import { formOf, type Order, type Picture } from './submission';
import type { Job } from './types';

/** Maximum length of the longest side of a draft, in pixels. */
export const DRAFT_SIDE_PIXELS = 512;
const POLL_MS = 300;

/** Options that affect a draft. */
const OBEYED = ['size', 'color', 'color_amount'];

/** Returns the order of a draft with the same images and colours. */
export function draftOrderOf(order: Order, options: Order['changes']): Order {
  const size = Math.min(DRAFT_SIDE_PIXELS, Number(options['size']));
  const obeyed = Object.entries(options).filter(([name]) => OBEYED.includes(name));
  return { ...order, detailMap: null, preset: 'draft', changes: { ...Object.fromEntries(obeyed), size } };
}

/** Abort reason of the signal when the page is closed. */
export const PAGE_CLOSES = 'page closes';

/** Paints a draft and returns its image. Raises Problem, or the reason of the signal if the signal aborts it. */
export async function paintDraft(order: Order, signal: AbortSignal): Promise<Blob> {
  const form = await formOf({
    ...order,
    content: await small(order.content),
    styles: await Promise.all(order.styles.map(async (style) => ({ ...style, picture: await small(style.picture) }))),
  });
  signal.throwIfAborted();
  // The signal does not abort the upload: a job whose id is unknown could not be deleted.
  let job = await submitJob(form, newKey(), () => undefined, new AbortController().signal);
  try {
    while (isActive(job)) {
      await pause(POLL_MS, signal);
      job = await getJob(job.id);
    }
    if (!job.links.result) throw new Problem(job.error?.code ?? 'draft_unavailable', job.error?.message);
    // The small version is downloaded: a large one may come from the image storage, which the page must not fetch from.
    return await download(thumb(job.links.result));
  } finally {
    void forget(job, signal).catch(() => undefined);
  }
}

/**
 * Deletes a job. Unless the page closes, a running job is finished first, which is soon: deleting it would cost the
 * worker its warm engine.
 */
async function forget(job: Job, signal: AbortSignal): Promise<void> {
  if (isActive(job) && signal.reason !== PAGE_CLOSES) await ended(job.id);
  await deleteJob(job.id);
}

async function ended(id: string): Promise<void> {
  let job = await getJob(id);
  if (job.status === 'queued') job = await cancelJob(id);
  while (isActive(job)) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    job = await getJob(id);
  }
}

async function small(picture: Picture): Promise<Picture> {
  const { source, url } = picture;
  if (source.kind !== 'file' || url === null) return picture;
  return { ...picture, source: { kind: 'file', file: await smallerFile(source) } };
}

/** Scales a file down; a draft of an image that the browser cannot show upright uses the server's upright version. */
function smallerFile({ file, seen }: { file: File; seen?: Blob }): Promise<File> {
  return smaller(seen ? new File([seen], file.name, { type: seen.type }) : file, DRAFT_SIDE_PIXELS);
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
    if (signal.aborted) reject(signal.reason as Error);
  });
}
