import type { FieldCase } from '../field-case.ts'
import { partlyBad, refusedTable, table } from './table-case.ts'

const columns = Array.from({ length: 5_000 }, (_, index) => `c${index}`)

/** Header lines, and lines above them. */
export const headers: readonly FieldCase[] = [
  table('only a header', 'a,b\n', [], {
    rows: 0,
    columns: ['a', 'b'],
    warnings: ['The file has a header and no rows.'],
  }),
  table('only a header between semicolons', 'a;b;c\r\n', [], { columns: ['a', 'b', 'c'] }),
  table('an empty CSV of one line end', '\n', [], { rows: 0, columns: [], warnings: ['The file is empty.'] }),
  table('a byte order mark before a quoted header', '\ufeff"name","age"\n"Ann","5"\n', [{ name: 'Ann', age: '5' }]),
  table('blank lines above the header', '\n\r\n\na,b\n1,2\n', [{ a: '1', b: '2' }], { headerLine: 4 }),
  table('two columns of one name', 'id,amount,amount\n1,5,6\n', [{ id: '1', amount: '5', amount_2: '6' }], {
    columns: ['id', 'amount', 'amount_2'],
  }),
  table('columns of one name, and one that has the number already', 'a,a,a_2,a\n1,2,3,4\n', [
    { a: '1', a_3: '2', a_2: '3', a_4: '4' },
  ]),
  table('columns without a name', 'a,,\n1,2,3\n4,5,6\n', [
    { a: '1', '': '2', _2: '3' },
    { a: '4', '': '5', _2: '6' },
  ]),
  table('a delimiter behind the last field of every row and of the header', 'a,b,\n1,2,\n', [
    { a: '1', b: '2', '': '' },
  ]),
  table('a delimiter behind the last field of every row', 'a,b\n1,2,\n3,4,\n', [
    { a: '1', b: '2' },
    { a: '3', b: '4' },
  ]),
  table('years as names', 'Country,1990,1991\nNorway,4.2,4.3\nPeru,21.8,22.1\n', [
    { Country: 'Norway', 1990: '4.2', 1991: '4.3' },
    { Country: 'Peru', 1990: '21.8', 1991: '22.1' },
  ]),
  table(
    'numbers alone as names',
    '10,20\n1,2\n3,4\n',
    [
      { 10: '1', 20: '2' },
      { 10: '3', 20: '4' },
    ],
    {
      warnings: [
        'Line 1 names the columns but looks like a row of values. If it is one, set the option header to "absent".',
      ],
    },
  ),
  table('a row of units below the header', 'date,temp\nYYYY-MM-DD,°C\n2026-01-02,-5.5\n', [
    { date: 'YYYY-MM-DD', temp: '°C' },
    { date: '2026-01-02', temp: '-5.5' },
  ]),
  table(
    'a title above the header',
    'Sales report\nregion,amount\nNorth,5\nSouth,6\n',
    [
      { region: 'North', amount: '5' },
      { region: 'South', amount: '6' },
    ],
    { headerLine: 2 },
  ),
  table('a title with commas above semicolons', 'Report, of March, all regions\nregion;amount\nNorth;5\n', [
    { region: 'North', amount: '5' },
  ]),
  table('a title above a header of years', 'Population\n\nCountry,1990,1991\nNorway,4.2,4.3\n', [
    { Country: 'Norway', 1990: '4.2', 1991: '4.3' },
  ]),
  table(
    'a title that a spreadsheet has filled up with commas',
    ',,\nReport of 2026,,\nname,city,age\nAnn,Oslo,5\n',
    [{ name: 'Ann', city: 'Oslo', age: '5' }],
    { headerLine: 3 },
  ),
  table('comments above the header', '# made by a sensor\n# 2026, March\ntime,temp,wind\n10:00,5,6\n', [
    { time: '10:00', temp: '5', wind: '6' },
  ]),
  table('a header that begins with a hash sign', '#chrom,pos\nchr1,5\nchr2,6\n', [
    { '#chrom': 'chr1', pos: '5' },
    { '#chrom': 'chr2', pos: '6' },
  ]),
  table(
    'a header with more names than the rows have fields',
    'a,b,c,d\n1,2,3\n4,5,6\n',
    [
      { a: '1', b: '2', c: '3', d: '' },
      { a: '4', b: '5', c: '6', d: '' },
    ],
    { warnings: ['The rows have 3 fields, fewer than the header has names. The last columns are empty.'] },
  ),
  refusedTable(
    'a header with fewer names than the rows have fields',
    'a,b\nx,y,z\nu,v,w\n',
    /Line 1 has 2 fields and line 2 has 3\..*option header/,
  ),
  refusedTable(
    'a header that lacks the name of the last column, above rows that begin with their numbers',
    'id,name,age\n1,Ann,30,Oslo\n2,Bob,40,Rome\n',
    /Line 1 has 3 fields and line 2 has 4\..*option header/,
  ),
  refusedTable(
    'the same with texts in quotes',
    '"id","name","age"\n1,"Ann",30,"Oslo"\n2,"Bob",40,"Rome"\n',
    /Line 1 has 3 fields and line 2 has 4\..*option header/,
  ),
  refusedTable(
    'the same with everything in quotes',
    '"id","name"\n"1","Ann","Oslo"\n"2","Bob","Rome"\n',
    /Line 1 has 2 fields and line 2 has 3\..*option header/,
  ),
  refusedTable(
    'a word above rows of texts, which is a title or the name of one column',
    'city\ra;c\rb;e\rc;d\r',
    /^Line 1 has 1 field and line 2 has 2\..*option header/,
  ),
  refusedTable(
    'text with commas below a single word',
    'comment\nHello, world\nI like it, really\n',
    /Line 1 has 1 field and line 2 has 2\./,
  ),
  partlyBad(
    'rows of other lengths',
    'a,b,c\n1,2,3\n4,5,6,7\n8\n9,10,11\n',
    [
      { a: '1', b: '2', c: '3' },
      { a: '9', b: '10', c: '11' },
    ],
    {
      badRows: 2,
      first: [
        { line: 3, reason: 'The row has 4 fields, and the table 3 columns.' },
        { line: 4, reason: 'The row has 1 field, and the table 3 columns.' },
      ],
    },
  ),
  partlyBad(
    'a total below the rows',
    'name,amount,note\nA,1,x\nB,2,y\n\nTotal: 3\n',
    [
      { name: 'A', amount: '1', note: 'x' },
      { name: 'B', amount: '2', note: 'y' },
    ],
    { first: [{ line: 5 }] },
  ),
  table(
    'thousands of columns',
    `${columns.join(';')}\n${columns.map((_, index) => index).join(';')}\n`,
    [Object.fromEntries(columns.map((name, index) => [name, String(index)]))],
    { columnCount: 5_000 },
  ),
  table('names that are words of JavaScript', '__proto__,constructor\nx,y\n', [
    JSON.parse('{"__proto__":"x","constructor":"y"}'),
  ]),
  refusedTable(
    'a page of HTML that is called CSV',
    '<!DOCTYPE html>\n<html><body>Sign in, please</body></html>\n',
    /^The content is HTML or XML, not CSV\.$/,
  ),
  refusedTable('JSON that is called CSV', '[{"a":1,"b":2},\n{"a":3,"b":4}]\n', /^The content is JSON, not CSV\.$/),
]
