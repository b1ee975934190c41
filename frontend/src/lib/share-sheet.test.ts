import { afterEach, expect, test, vi } from 'vitest';
import { job } from './fixtures';
import { downloadResult, hasShareSheet, sendPicture } from './share-sheet';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Gives this device a share sheet; returns the function that fetches. */
function phone(share: (data: ShareData) => Promise<void>) {
  const fetched = vi.fn().mockResolvedValue({ ok: true, blob: () => Promise.resolve(new Blob(['jpeg'])) });
  vi.stubGlobal('navigator', { canShare: () => true, share });
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

const picture = new File(['jpeg'], 'cat.jpg');
const finished = job({ title: 'cat in waves', links: { ...job().links, result: '/result' } });

test('a computer has no share sheet', () => {
  vi.stubGlobal('navigator', {});
  expect(hasShareSheet()).toBe(false);
});

test('the picture goes to the share sheet as a file', async () => {
  const shared: ShareData[] = [];
  const fetched = phone((data) => {
    shared.push(data);
    return Promise.resolve();
  });
  expect(hasShareSheet()).toBe(true);
  await sendPicture(await downloadResult(finished), 'cat in waves');
  expect(shared[0]?.title).toBe('cat in waves');
  expect(shared[0]?.files?.map(({ name, type }) => [name, type])).toEqual([['cat in waves.jpg', 'image/jpeg']]);
  expect(await shared[0]?.files?.[0]?.text()).toBe('jpeg');
  expect(fetched).toHaveBeenCalledExactlyOnceWith('/result?format=jpeg');
});

test('closing the share sheet is no error, and everything else is', async () => {
  phone(() => Promise.reject(new DOMException('closed', 'AbortError')));
  await sendPicture(picture, 'cat');
  phone(() => Promise.reject(new DOMException('refused', 'NotAllowedError')));
  await expect(sendPicture(picture, 'cat')).rejects.toThrow('refused');
});
