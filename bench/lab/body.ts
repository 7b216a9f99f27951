/** The bodies of a load: an order of exactly so many bytes, another one for each index, made by writing its number and its type into a template. */
const DIGITS = 9;
const NUMBER = '0'.repeat(DIGITS);
const TYPE_DIGITS = 4;
const TYPE_NUMBER = '1'.repeat(TYPE_DIGITS);

/** The name of a type; all are equally long. */
export const typeName = (type: number): string => `bench.${String(type).padStart(TYPE_DIGITS, '0')}`;

const order = {
  type: `bench.${TYPE_NUMBER}`,
  data: {
    order: NUMBER,
    customer: { id: 'cus_8Zk2QpW1', email: 'someone@example.com', country: 'NL', vip: false },
    items: [
      { sku: 'KEY-0042', quantity: 2, price: 1999, tags: ['new', 'gift'] },
      { sku: 'CAP-0007', quantity: 1, price: 450, tags: [] },
      { sku: 'BAG-0311', quantity: 4, price: 1250, tags: ['sale'] },
    ],
    total: 9448,
    currency: 'EUR',
    placedAt: '2025-01-01T10:00:00.000Z',
  },
};

/** @throws Error when so few bytes do not hold the order */
export function createBodies(bytes: number): (index: number, type: number) => Buffer {
  const least = Buffer.byteLength(JSON.stringify({ ...order, note: '' }));
  if (bytes < least) throw new Error(`Expected bodies of at least ${least} bytes, got ${bytes}`);
  const template = Buffer.from(JSON.stringify({ ...order, note: 'x'.repeat(bytes - least) }));
  const [at, typeAt] = [template.indexOf(NUMBER), template.indexOf(TYPE_NUMBER)];
  return (index, type) => {
    const body = Buffer.from(template);
    body.write(String(index).padStart(DIGITS, '0'), at, 'latin1');
    body.write(String(type).padStart(TYPE_DIGITS, '0'), typeAt, 'latin1');
    return body;
  };
}
