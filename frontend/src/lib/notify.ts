/** System notifications, shown only while the page is hidden. */

const permission = () => ('Notification' in window ? Notification.permission : 'denied');

/** Returns whether notifications are possible: browsers offer them on secure pages only, and some not at all. */
export const canNotify = () => permission() !== 'denied' && window.isSecureContext;
export const mayNotify = () => permission() === 'granted';

export async function askToNotify(): Promise<boolean> {
  return (await Notification.requestPermission()) === 'granted';
}

/** Shows a notification; the service worker does it if there is one, since pages on Android cannot. */
export async function notify(title: string, body: string, icon: string | null): Promise<void> {
  if (!document.hidden || !mayNotify()) return;
  const options = { body, ...(icon ? { icon } : {}) };
  try {
    const worker = (await (navigator as Partial<Navigator>).serviceWorker?.getRegistration())?.active;
    if (worker) worker.postMessage({ title, options, address: location.href });
    else showFromPage(title, options);
  } catch {
    // The title of the page says the same.
  }
}

function showFromPage(title: string, options: NotificationOptions): void {
  const notification = new Notification(title, options);
  notification.onclick = () => {
    window.focus();
    notification.close();
  };
}
