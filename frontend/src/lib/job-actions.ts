/** What can be done with a job from its page and from the list. */

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

/** Whether it is gone now. */
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
 * The same pictures and options with another seed as a new job, and to its page. Where a seed has no effect the
 * picture would be the same: then to the studio, to change something.
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

/** The result painted on at twice its size as a new job, and to its page. */
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
