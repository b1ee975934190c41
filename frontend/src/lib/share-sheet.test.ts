import { afterEach, expect, test, vi } from 'vitest';
import { job } from './fixtures';
import { hasShareSheet, sendResult } from './share-sheet';

afterEach(() => {
  vi.unstubAllGlobals();
});

function phone(share: (data: ShareData) => Promise<void>): void {
  vi.stubGlobal('navigator', { canShare: () => true, share });
  vi.stubGlobal('fetch', () => Promise.resolve({ ok: true, blob: () => Promise.resolve(new Blob(['jpeg'])) }));
}

const finished = job({ title: 'cat in waves', links: { ...job().links, result: '/result' } });

test('a computer has no share sheet', () => {
  vi.stubGlobal('navigator', {});
  expect(hasShareSheet()).toBe(false);
});

test('the picture goes to the share sheet as a file', async () => {
  const shared: ShareData[] = [];
  phone((data) => {
    shared.push(data);
    return Promise.resolve();
  });
  expect(hasShareSheet()).toBe(true);
  await sendResult(finished);
  expect(shared[0]?.files?.map(({ name, type }) => [name, type])).toEqual([['cat in waves.jpg', 'image/jpeg']]);
});

test('closing the share sheet is no error, and everything else is', async () => {
  phone(() => Promise.reject(new DOMException('closed', 'AbortError')));
  await sendResult(finished);
  phone(() => Promise.reject(new DOMException('refused', 'NotAllowedError')));
  await expect(sendResult(finished)).rejects.toThrow('refused');
});
