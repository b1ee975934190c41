/** Actions on a job that its page and the list share. */

import { deleteJob, getOptions, newKey, submitJob } from './api';
import { complain } from './complain';
import { notices } from './notices.svelte';
import { unmetNeed } from './options';
import { go, here } from './router.svelte';
import { newSeed } from './seed';
import { largerForm, repaintForm } from './submission';
import { texts } from '../texts';
import type { Job } from './types';

interface Submission {
  form: FormData;
  key: string;
}

/** Submissions that have not succeeded yet, by their purpose. */
const open = new Map<string, Submission>();

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
  const { path } = here;
  try {
    const document = await getOptions();
    if (unmetNeed(document, job.options, 'seed')) {
      await changeInStudio(path, job);
      return;
    }
    await submit(path, `repaint ${job.id}`, () => repaintForm(job, document, { seed: newSeed() }));
  } catch (error) {
    complain(error);
  }
}

/** Opens the studio with the settings of a job; if the person has left the page at `path`, a notice links to it. */
async function changeInStudio(path: string, job: Job): Promise<void> {
  const address = `studio?remix=${job.id}`;
  if (here.path === path) {
    notices.say(texts.job.sameAgain);
    await go(address);
  } else {
    notices.say(texts.job.sameAgain, { link: { address, text: texts.job.actions.remix } });
  }
}

/** Submits a new job that continues the result at twice its size, and opens its page. */
export async function paintLarger(job: Job): Promise<void> {
  const { path } = here;
  try {
    const document = await getOptions();
    await submit(path, `larger ${job.id}`, () => largerForm(job, document));
  } catch (error) {
    complain(error);
  }
}

/**
 * Submits a form, and opens the page of the job; if the person has left the page at `path`, a notice links to it.
 * Another attempt sends the same form with the same key, so that it cannot create a second job.
 */
async function submit(path: string, purpose: string, make: () => FormData): Promise<void> {
  const { form, key } = open.get(purpose) ?? { form: make(), key: newKey() };
  open.set(purpose, { form, key });
  const job = await submitJob(form, key, () => undefined, new AbortController().signal);
  open.delete(purpose);
  if (here.path === path) await go(job.links.page);
  else notices.say(texts.job.started, { link: { address: job.links.page, text: texts.job.openStarted } });
}
