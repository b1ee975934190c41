/** What can be done with a job from its page and from the list. */

import { deleteJob, getOptions, newKey, Problem, submitJob } from './api';
import { notices } from './notices.svelte';
import { go } from './router.svelte';
import { repaintForm } from './submission';
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

/** The same pictures and options as a new job, and to its page. */
export async function repaint(job: Job): Promise<void> {
  try {
    const form = repaintForm(job, await getOptions());
    const again = await submitJob(form, newKey(), () => undefined, new AbortController().signal);
    await go(again.links.page);
  } catch (error) {
    complain(error);
  }
}
