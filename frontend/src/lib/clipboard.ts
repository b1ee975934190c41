/** Copies a text and returns whether it worked. The clipboard API needs a secure page; http://machine:8000 is none. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyThroughSelection(text);
  }
}

function copyThroughSelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  (document.querySelector('[role="dialog"]') ?? document.body).append(area);
  area.select();
  // execCommand is deprecated, but it is the only way on a page that is not secure.
  const copied = document.execCommand('copy');
  area.remove();
  return copied;
}
