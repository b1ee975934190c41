/** A notification of the system when a picture is done and nobody looks. */

/** Browsers offer them on secure pages only. */
export const canNotify = () => 'Notification' in window && isSecureContext && Notification.permission !== 'denied';

export async function askToNotify(): Promise<boolean> {
  return (await Notification.requestPermission()) === 'granted';
}

export function notify(title: string, body: string, icon: string | null): void {
  if (!document.hidden || Notification.permission !== 'granted') return;
  const notification = new Notification(title, { body, ...(icon ? { icon } : {}) });
  notification.onclick = () => {
    window.focus();
    notification.close();
  };
}
