/** Short messages at the edge of the page, which screen readers announce. */

export interface Notice {
  id: number;
  text: string;
  bad: boolean;
}

const SHOWN_MS = { good: 5000, bad: 10_000 };

class Notices {
  list = $state<Notice[]>([]);
  /** Message for screen readers only, about a change that everybody else sees. */
  spoken = $state('');
  #last = 0;

  say(text: string, { bad = false } = {}): void {
    const id = ++this.#last;
    this.list = [...this.list.filter((notice) => notice.text !== text), { id, text, bad }];
    setTimeout(() => {
      this.drop(id);
    }, bad ? SHOWN_MS.bad : SHOWN_MS.good);
  }

  drop(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }
}

export const notices = new Notices();
