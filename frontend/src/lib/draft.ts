/** Drafts of an order: a draft is a job of about one second, which is deleted as soon as its image is downloaded. */

import { cancelJob, deleteJob, download, getJob, newKey, Problem, submitJob } from './api';
import { isActive, thumb } from './job';
import { smaller } from './pixels';
import { formOf, type Order, type Picture } from './submission';
import type { Job } from './types';

/** Maximum length of the longest side of a draft, in pixels. */
export const DRAFT_SIDE_PIXELS = 512;
/** Pauses between requests: they grow, so that a page does not use up the requests that a visitor has. */
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 5000;

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
  const form = await formOf(await smallOrder(order, signal));
  signal.throwIfAborted();
  // The signal does not abort the upload: a job whose id is unknown could not be deleted.
  let job = await submitJob(form, newKey(), () => undefined, new AbortController().signal);
  try {
    job = await ended(job, signal);
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
  if (isActive(job) && signal.reason !== PAGE_CLOSES) await canceledOrEnded(job.id);
  await persist(() => deleteJob(job.id));
}

async function canceledOrEnded(id: string): Promise<void> {
  let job = await persist(() => getJob(id));
  // A job that has ended meanwhile cannot be canceled.
  if (job.status === 'queued') job = await persist(() => cancelJob(id)).catch(() => job);
  await ended(job);
}

/** Waits until a job has ended, and returns it. */
async function ended(job: Job, signal?: AbortSignal): Promise<Job> {
  for (let wait = FIRST_PAUSE_MS; isActive(job); wait = longer(wait)) {
    await pause(wait, signal);
    job = await persist(() => getJob(job.id), signal);
  }
  return job;
}

/** Repeats a request while the server is unreachable, busy or failing. Raises Problem if the server refuses it. */
async function persist<T>(request: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let wait = FIRST_PAUSE_MS; ; wait = longer(wait)) {
    try {
      return await request();
    } catch (error) {
      const problem = Problem.from(error);
      if (!isPassing(problem)) throw problem;
      await pause(Math.max(wait, 1000 * (problem.retryAfterSeconds ?? 0)), signal);
    }
  }
}

const longer = (wait: number) => Math.min(1.3 * wait, LONGEST_PAUSE_MS);
const isPassing = ({ code, status }: Problem) => code === 'offline' || status === 429 || status >= 500;

/** Replaces the images of an order by small versions, one after the other: decoded photos need much memory. */
async function smallOrder(order: Order, signal: AbortSignal): Promise<Order> {
  const content = await small(order.content);
  const styles: Order['styles'] = [];
  for (const style of order.styles) {
    signal.throwIfAborted();
    styles.push({ ...style, picture: await small(style.picture) });
  }
  return { ...order, content, styles };
}

async function small(picture: Picture): Promise<Picture> {
  const { source, url } = picture;
  if (source.kind !== 'file' || url === null) return picture;
  return { ...picture, source: { kind: 'file', file: await smallFile(source) } };
}

/** Small versions of files: a draft follows each change, which seldom replaces a file. */
const smallFiles = new WeakMap<File, Promise<File>>();

/** Scales a file down; a draft of an image that the browser cannot show upright uses the server's upright version. */
function smallFile({ file, seen }: { file: File; seen?: Blob }): Promise<File> {
  const known = smallFiles.get(file);
  if (known) return known;
  const made = smaller(seen ? new File([seen], file.name, { type: seen.type }) : file, DRAFT_SIDE_PIXELS);
  smallFiles.set(file, made);
  made.catch(() => smallFiles.delete(file));
  return made;
}

async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop);
  });
}
