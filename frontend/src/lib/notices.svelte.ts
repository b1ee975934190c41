/** Short messages at the edge of the page, which screen readers announce. */

export interface Link {
  address: string;
  text: string;
}

export interface Notice {
  id: number;
  text: string;
  bad: boolean;
  /** Page that the message is about; null: none. */
  link: Link | null;
}

const SHOWN_MS = { good: 5000, bad: 10_000 };

class Notices {
  list = $state<Notice[]>([]);
  /** Message for screen readers only, about a change that everybody else sees. */
  spoken = $state('');
  #last = 0;

  /** Shows a message for a few seconds; with a link it stays until it is dismissed, so that the link can be reached. */
  say(text: string, { bad = false, link = null }: { bad?: boolean; link?: Link | null } = {}): void {
    const id = this.#add({ text, bad, link });
    if (link) return;
    setTimeout(() => {
      this.drop(id);
    }, bad ? SHOWN_MS.bad : SHOWN_MS.good);
  }

  /** Shows a message until something has ended, and returns its result. */
  async during<T>(text: string, something: Promise<T>): Promise<T> {
    const id = this.#add({ text, bad: false, link: null });
    try {
      return await something;
    } finally {
      this.drop(id);
    }
  }

  #add(notice: Omit<Notice, 'id'>): number {
    const id = ++this.#last;
    this.list = [...this.list.filter(({ text }) => text !== notice.text), { id, ...notice }];
    return id;
  }

  drop(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }
}

export const notices = new Notices();
