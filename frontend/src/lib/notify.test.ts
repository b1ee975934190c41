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
  Reflect.deleteProperty(navigator, 'serviceWorker');
});

function look(away: boolean): void {
  vi.spyOn(document, 'hidden', 'get').mockReturnValue(away);
}

/** Makes this the service worker of the browser; null: it is still being installed. */
function install(active: object | null): void {
  const serviceWorker = { getRegistration: () => Promise.resolve({ active }) };
  Object.defineProperty(navigator, 'serviceWorker', { configurable: true, value: serviceWorker });
}

describe('notify', () => {
  it('tells those who look elsewhere', async () => {
    look(true);
    await notify('Your painting is finished', 'cat in impasto', null);
    expect(shown).toHaveBeenCalledWith('Your painting is finished', 'cat in impasto');
  });

  it('lets the service worker tell it, since pages on Android cannot', async () => {
    look(true);
    vi.stubGlobal('Notification', Object.assign(() => 'no constructor', { permission: 'granted' }));
    const postMessage = vi.fn();
    install({ postMessage });
    await notify('Your painting is finished', 'cat in impasto', '/thumb');
    expect(postMessage).toHaveBeenCalledExactlyOnceWith({
      title: 'Your painting is finished',
      options: { body: 'cat in impasto', icon: '/thumb' },
      address: location.href,
    });
    install(null);
    await notify('Your painting is finished', 'cat in impasto', null);
  });

  it('leaves those in peace who see it anyway', async () => {
    look(false);
    await notify('Your painting is finished', 'cat in impasto', null);
    expect(shown).not.toHaveBeenCalled();
  });

  it('does nothing without permission', async () => {
    look(true);
    SystemNotification.permission = 'default';
    await notify('Your painting is finished', 'cat in impasto', null);
    expect(shown).not.toHaveBeenCalled();
    expect(canNotify()).toBe(true);
  });

  it('is not offered where the browser has no notifications', async () => {
    look(true);
    vi.unstubAllGlobals();
    expect(mayNotify()).toBe(false);
    expect(canNotify()).toBe(false);
    await notify('Your painting is finished', 'cat in impasto', null);
  });
});
