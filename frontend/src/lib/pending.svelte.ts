/** Action that runs at most once at a time. */
export class Pending {
  isOn = $state(false);

  /** Runs the action, unless the previous one is still running. */
  async run(action: () => Promise<void>): Promise<void> {
    if (this.isOn) return;
    this.isOn = true;
    try {
      await action();
    } finally {
      this.isOn = false;
    }
  }
}
