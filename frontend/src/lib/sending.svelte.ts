/** Submissions of the studio. They go on while other pages are open, and also when the language or the layout changes. */

import { Problem } from './api';
import { whyFailed } from './complain';
import { notices } from './notices.svelte';
import { go, here } from './router.svelte';
import { texts } from '../texts';

/** Submits jobs, and returns the address of their page. Raises Problem. */
export type Submit = (onUpload: (share: number) => void, signal: AbortSignal) => Promise<string>;

export class Sending {
  /** Submission in progress, with the share of its files that is uploaded; null if there is none. */
  upload = $state<{ share: number; stop: AbortController } | null>(null);
  /** Why the last submission failed; null if it did not. */
  problem = $state<Problem | null>(null);
  #last: Submit | undefined;
  /** Number of components that show this submission. */
  #viewers = 0;

  /** Counts a component as one that shows this submission, until the returned function is called. */
  view(): () => void {
    this.#viewers++;
    return () => {
      this.#viewers--;
      if (here.route.name !== 'studio') this.problem = null;
    };
  }

  /** Submits jobs and opens their page, unless a submission is in progress. */
  async start(submit: Submit): Promise<void> {
    if (this.upload) return;
    const stop = new AbortController();
    this.#last = submit;
    this.upload = { share: 0, stop };
    this.problem = null;
    try {
      await this.#succeed(await submit((share) => this.#show(share), stop.signal));
    } catch (error) {
      this.#fail(Problem.from(error));
    } finally {
      this.upload = null;
    }
  }

  /** Repeats the last submission. */
  async again(): Promise<void> {
    if (this.#last) await this.start(this.#last);
  }

  #show(share: number): void {
    if (this.upload) this.upload.share = share;
  }

  /** Opens the page of the jobs; elsewhere a notice links to it, as the person is busy with another page. */
  async #succeed(address: string): Promise<void> {
    if (this.#viewers > 0) await go(address);
    else notices.say(texts.studio.sent, { link: { address, text: texts.studio.openSent } });
  }

  #fail(problem: Problem): void {
    if (problem.code === 'upload_stopped') return;
    this.problem = problem;
    if (this.#viewers > 0) return;
    const link = { address: 'studio', text: texts.variations.back };
    notices.say(`${texts.studio.notSent} ${whyFailed(problem)}`, { bad: true, link });
  }
}

export const painting = new Sending();
export const learning = new Sending();
