/** Notices about failed actions. */

import { Problem } from './api';
import { notices } from './notices.svelte';
import { errorText, texts } from '../texts';

/** Returns why an action failed, in the words of the server if it gave any, and what to do. */
export function whyFailed(error: unknown): string {
  const { code, message } = Problem.from(error);
  const { what, todo } = errorText(code);
  return `${message ? texts.common.serverSays(message) : what} ${todo}`;
}

/** Says why an action failed, and what to do. */
export function complain(error: unknown): void {
  notices.say(whyFailed(error), { bad: true });
}
