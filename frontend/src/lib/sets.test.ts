import { describe, expect, it } from 'vitest';
import { ordersOf } from './sets';
import type { Order, Picture } from './submission';

const named = (name: string) => ({ name }) as Picture;
const mask = { file: new Blob(), url: 'blob:mask' };
const style = (id: number, masked: boolean) => ({ id, picture: named(`style ${id}`), blend: 50, mask: masked ? mask : null });

const order: Order = {
  content: named('cat'),
  styles: [style(1, true), style(2, false)],
  detailMap: mask,
  preset: 'fast',
  changes: { size: 256 },
};

const told = (orders: Order[]) =>
  orders.map(({ content, styles, detailMap }) => [
    content.name,
    styles.map(({ id, mask: area }) => `${id}${area ? ' masked' : ''}`).join(' + '),
    detailMap !== null,
  ]);

describe('a set', () => {
  it('has a painting for each photo in all styles together', () => {
    expect(told(ordersOf(order, [named('dog'), named('fox')], false))).toEqual([
      ['cat', '1 masked + 2', true],
      ['dog', '1 + 2', false],
      ['fox', '1 + 2', false],
    ]);
  });

  it('has a painting for each photo and style', () => {
    expect(told(ordersOf(order, [named('dog')], true))).toEqual([
      ['cat', '1 masked', true],
      ['cat', '2', true],
      ['dog', '1', false],
      ['dog', '2', false],
    ]);
  });

  it('is one painting of one photo', () => {
    expect(ordersOf(order, [], false)).toEqual([order]);
  });
});
