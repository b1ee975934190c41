import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { canNotify, mayNotify, notify } from './notify';

const shown = vi.fn();

class SystemNotification {
  static permission: NotificationPermission = 'granted';

  constructor(
    readonly title: string,
    options: NotificationOptions,
  ) {
    shown(title, options.body);
  }
}

beforeEach(() => {
  shown.mockReset();
  SystemNotification.permission = 'granted';
  vi.stubGlobal('isSecureContext', true);
  vi.stubGlobal('Notification', SystemNotification);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function look(away: boolean): void {
  vi.spyOn(document, 'hidden', 'get').mockReturnValue(away);
}

describe('notify', () => {
  it('tells those who look elsewhere', () => {
    look(true);
    notify('Your painting is finished', 'cat in impasto', null);
    expect(shown).toHaveBeenCalledWith('Your painting is finished', 'cat in impasto');
  });

  it('leaves those in peace who see it anyway', () => {
    look(false);
    notify('Your painting is finished', 'cat in impasto', null);
    expect(shown).not.toHaveBeenCalled();
  });

  it('does nothing without permission', () => {
    look(true);
    SystemNotification.permission = 'default';
    notify('Your painting is finished', 'cat in impasto', null);
    expect(shown).not.toHaveBeenCalled();
    expect(canNotify()).toBe(true);
  });

  it('is not offered where the browser has no notifications', () => {
    look(true);
    vi.unstubAllGlobals();
    expect(mayNotify()).toBe(false);
    expect(canNotify()).toBe(false);
    notify('Your painting is finished', 'cat in impasto', null);
  });
});
