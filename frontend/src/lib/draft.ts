/** A draft of an order: a job that takes about a second, and is deleted as soon as its picture is here. */

import { cancelJob, deleteJob, download, getJob, newKey, Problem, submitJob } from './api';
import { isActive, thumb } from "./job";
import { smaller } from './pixels';
import { formOf, type Order, type Picture } from './submission';
import type { Job } from './types';

/** A draft shows no more than this many pixels on its longest side. */
export const DRAFT_SIDE_PIXELS = 512;
const POLL_MS = 300;

/** Options that a draft obeys. */
const OBEYED = ['size', 'color', 'color_amount'];

/** The order of a draft with the same pictures and colours. */
export function draftOrderOf(order: Order, options: Order['changes']): Order {
  const size = Math.min(DRAFT_SIDE_PIXELS, Number(options['size']));
  const obeyed = Object.entries(options).filter(([name]) => OBEYED.includes(name));
  return { ...order, detailMap: null, preset: 'draft', changes: { ...Object.fromEntries(obeyed), size } };
}

/** The reason of a signal that is given when the page is closed. */
export const PAGE_CLOSES = 'page closes';

/** Raises Problem, and the reason of the signal when that ends it. */
export async function paintDraft(order: Order, signal: AbortSignal): Promise<Blob> {
  const form = await formOf({
    ...order,
    content: await small(order.content),
    styles: await Promise.all(order.styles.map(async (style) => ({ ...style, picture: await small(style.picture) }))),
  });
  signal.throwIfAborted();
  // Not ended by the signal: a job whose id nobody has heard could not be deleted.
  let job = await submitJob(form, newKey(), () => undefined, new AbortController().signal);
  try {
    while (isActive(job)) {
      await pause(POLL_MS, signal);
      job = await getJob(job.id);
    }
    if (!job.links.result) throw new Problem(job.error?.code ?? 'draft_unavailable', job.error?.message);
    // The small version: a large one may come from the store of pictures, which the page must not fetch from.
    return await download(thumb(job.links.result));
  } finally {
    void forget(job, signal).catch(() => undefined);
  }
}

/**
 * Deletes a job. One that is being painted comes to its end first, which is near: deleting it would cost the worker its
 * warm engine.
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

/** What the browser cannot show upright is drafted as the server sees it. */
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
