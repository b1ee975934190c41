/** Actions on a job that its page and the list share. */

import { deleteJob, getOptions, newKey, Problem, submitJob } from './api';
import { notices } from './notices.svelte';
import { unmetNeed } from './options';
import { go } from './router.svelte';
import { newSeed } from './seed';
import { largerForm, repaintForm } from './submission';
import { errorText, texts } from '../texts';
import type { Job } from './types';

function complain(error: unknown): void {
  const { code, message } = Problem.from(error);
  const { what, todo } = errorText(code);
  notices.say(`${message || what} ${todo}`, { bad: true });
}

/** Deletes a job and returns whether it is deleted; a notice shows an error. */
export async function removeJob(job: Job): Promise<boolean> {
  try {
    await deleteJob(job.id);
    notices.say(texts.job.delete.done);
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}

/**
 * Submits the same images and options with another seed as a new job, and opens its page. If the seed has no effect,
 * the result would be the same image; the studio opens instead, to change something.
 */
export async function repaint(job: Job): Promise<void> {
  try {
    const document = await getOptions();
    if (unmetNeed(document, job.options, 'seed')) {
      notices.say(texts.job.sameAgain);
      await go(`studio?remix=${job.id}`);
      return;
    }
    await submit(repaintForm(job, document, { seed: newSeed() }));
  } catch (error) {
    complain(error);
  }
}

/** Submits a new job that continues the result at twice its size, and opens its page. */
export async function paintLarger(job: Job): Promise<void> {
  try {
    await submit(largerForm(job, await getOptions()));
  } catch (error) {
    complain(error);
  }
}

async function submit(form: FormData): Promise<void> {
  const job = await submitJob(form, newKey(), () => undefined, new AbortController().signal);
  await go(job.links.page);
}
