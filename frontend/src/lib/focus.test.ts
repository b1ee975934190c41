import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepFocus } from './focus';

const find = (name: string) => document.querySelector<HTMLElement>(`#${name}`) as HTMLElement;

let leave: () => void;

beforeEach(() => {
  document.body.innerHTML = `
    <main id="main" tabindex="-1">
      <section>
        <h2 id="heading" tabindex="-1">Photo</h2>
        <button id="choose">Choose</button>
        <ul id="styles">
          <li id="first"><button id="one">Remove</button></li>
          <li id="second"><button id="two">Remove</button></li>
        </ul>
      </section>
      <ul id="cards"><li id="card"><button id="delete">Delete</button></li></ul>
      <button id="more">More</button>
    </main>`;
  leave = keepFocus(find('main'));
});

afterEach(() => {
  leave();
});

/** Focuses an element, removes another, and returns the id of the element that is focused then. */
async function removed(focused: string, ...gone: string[]): Promise<string | undefined> {
  find(focused).focus();
  for (const name of gone) {
    find(name).remove();
    await Promise.resolve();
  }
  return document.activeElement?.id;
}

describe('the focus', () => {
  it('goes to the next item of a list, or to the last one', async () => {
    expect(await removed('one', 'first')).toBe('two');
    find('styles').insertAdjacentHTML('afterbegin', '<li><button id="zero">Remove</button></li>');
    expect(await removed('two', 'second')).toBe('zero');
  });

  it('goes to the heading of the section, if there is no such item', async () => {
    expect(await removed('choose', 'choose')).toBe('heading');
    expect(await removed('one', 'styles')).toBe('heading');
  });

  it('goes to the page after the last item of a list that is in no section', async () => {
    expect(await removed('delete', 'cards')).toBe('main');
  });

  it('stays with an element that is moved', async () => {
    find('two').focus();
    find('styles').prepend(find('second'));
    await Promise.resolve();
    expect(document.activeElement?.id).toBe('two');
  });

  it('is left alone if it is elsewhere', async () => {
    expect(await removed('choose', 'first')).toBe('choose');
    expect(await removed('more', 'more')).toBe('');
  });
});
