/** Draft of the images and options in the studio, painted again after each change that affects it. */

import { untrack } from 'svelte';
import { draftOrderOf, PAGE_CLOSES, paintDraft } from './draft';
import { keep, recall } from './store';
import { studio } from './studio.svelte';
import type { Order, Picture } from './submission';

const KEY = 'nst-live-draft';
/** Delay after a change, in milliseconds: a slider that moves makes one draft, not thirty. */
const CALM_MS = 400;

class LiveDraft {
  isOn = $state(recall(KEY) !== 'off');
  /** Object URL of the newest draft; null if there is none. */
  url = $state<string | null>(null);
  /** Opacity of the draft over the photo, 0 to 1: a draft always has full strength, so the photo shows through. */
  readonly cover = $derived(studio.hasEffect('strength') ? coverAt(Number(studio.options['strength'])) : 1);
  isPainting = $state(false);
  hasFailed = $state(false);
  /** Photo of the newest draft; null if there is no draft. */
  #photo: Picture | null = null;
  /** Number of times that the browser has shown this page again after it had kept it. */
  #returns = $state(0);

  readonly #order = $derived(studio.order && !studio.isFilm && studio.styles.length > 0 ? draftOrderOf(studio.order, studio.options) : null);
  readonly #key = $derived(this.isOn && this.#order ? JSON.stringify(this.#order) : '');

  switch(isOn: boolean): void {
    this.isOn = isOn;
    keep(KEY, isOn ? 'on' : 'off');
  }

  /** Paints a draft after every change until the returned function is called. */
  follow(): () => void {
    return $effect.root(() => {
      $effect(() => {
        void this.#returns; // the draft that was stopped when the visitor left is painted again
        const order = this.#key ? untrack(() => this.#order) : null;
        untrack(() => {
          if (!order || (this.#photo && this.#photo !== studio.content)) this.#show(null);
        });
        if (!order) return;
        const stop = new AbortController();
        const timer = setTimeout(() => void this.#paint(order, stop.signal), CALM_MS);
        const leave = () => {
          stop.abort(PAGE_CLOSES);
        };
        const comeBack = ({ persisted }: PageTransitionEvent) => {
          if (persisted) this.#returns += 1;
        };
        addEventListener('pagehide', leave);
        addEventListener('pageshow', comeBack);
        return () => {
          removeEventListener('pagehide', leave);
          removeEventListener('pageshow', comeBack);
          clearTimeout(timer);
          stop.abort();
        };
      });
    });
  }

  async #paint(order: Order, signal: AbortSignal): Promise<void> {
    this.isPainting = true;
    try {
      const picture = await paintDraft(order, signal);
      if (!signal.aborted) this.#show(picture);
    } catch {
      if (!signal.aborted) this.#fail();
    } finally {
      if (!signal.aborted) this.isPainting = false;
    }
  }

  #show(picture: Blob | null): void {
    this.#photo = picture && studio.content;
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = picture && URL.createObjectURL(picture);
    this.hasFailed = false;
    if (!picture) this.isPainting = false;
  }

  #fail(): void {
    this.#show(null);
    this.hasFailed = true;
  }
}

/** Returns the opacity at this strength: 0.2 at strength 0, 1 from strength 0.5 on. */
const coverAt = (strength: number) => Math.min(1, 0.2 + 1.6 * strength);

export const liveDraft = new LiveDraft();
