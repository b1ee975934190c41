/** Notices about failed actions. */

import { Problem } from './api';
import { notices } from './notices.svelte';
import { errorText, texts } from '../texts';

/** Says why an action failed, in the words of the server if it gave any, and what to do. */
export function complain(error: unknown): void {
  const { code, message } = Problem.from(error);
  const { what, todo } = errorText(code);
  notices.say(`${message ? texts.common.serverSays(message) : what} ${todo}`, { bad: true });
}
