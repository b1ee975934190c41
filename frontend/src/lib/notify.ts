/** System notifications, shown only while the page is hidden. */

const permission = () => ('Notification' in window ? Notification.permission : 'denied');

/** Returns whether notifications are possible: browsers offer them on secure pages only, and some not at all. */
export const canNotify = () => permission() !== 'denied' && window.isSecureContext;
export const mayNotify = () => permission() === 'granted';

export async function askToNotify(): Promise<boolean> {
  return (await Notification.requestPermission()) === 'granted';
}

export function notify(title: string, body: string, icon: string | null): void {
  if (!document.hidden || !mayNotify()) return;
  const notification = new Notification(title, { body, ...(icon ? { icon } : {}) });
  notification.onclick = () => {
    window.focus();
    notification.close();
  };
}
