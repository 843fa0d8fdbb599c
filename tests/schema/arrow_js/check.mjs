// node check.mjs FILE...: what apache-arrow reads in each file, as a line of JSON: rows, and of each column the count
// of values and, for numbers, their sum, for texts their total length in bytes.
import { readFileSync } from 'node:fs';
import { tableFromIPC } from 'apache-arrow';

const utf8 = new TextEncoder();

function weigh(value) {
  if (typeof value === 'string') return utf8.encode(value).length;
  return Number(value);
}

for (const file of process.argv.slice(2)) {
  const table = tableFromIPC(readFileSync(file));
  const columns = table.schema.fields.map((field, i) => {
    let count = 0;
    let sum = 0;
    for (const value of table.getChildAt(i)) {
      if (value === null) continue;
      count += 1;
      sum += weigh(value);
    }
    return `${field.name} ${count} ${sum.toFixed(3)}`;
  });
  console.log([`rows ${table.numRows}`, ...columns].join('\n'));
}
