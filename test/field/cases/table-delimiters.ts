import type { FieldCase } from '../field-case.ts'
import { partlyBad, refusedTable, table, typed } from './table-case.ts'

const people = [
  { name: 'Ann', city: 'Oslo' },
  { name: 'Bob', city: 'Rome' },
]

const written = (delimiter: string, end: string) =>
  [
    ['name', 'city'],
    ['Ann', 'Oslo'],
    ['Bob', 'Rome'],
  ]
    .map(row => row.join(delimiter) + end)
    .join('')

const delimiter = (delimiter: string, more: object = {}) => ({ dialect: { delimiter, ...more } })

/** Delimiters of fields and ends of rows. */
export const delimiters: readonly FieldCase[] = [
  table('a CSV whose rows end in CR', written(',', '\r'), people, delimiter(',', { lineEnd: 'CR' })),
  table('a CSV whose rows end in CR, without the last one', 'name,city\rAnn,Oslo\rBob,Rome', people),
  table('a CSV whose rows end in CRLF', written(',', '\r\n'), people, delimiter(',', { lineEnd: 'CRLF' })),
  table('a CSV whose rows end in CR CR LF, as a text mode wrote it twice', written(',', '\r\r\n'), people),
  table('a CSV of mixed line ends', 'name,city\r\nAnn,Oslo\nBob,Rome\r', people, delimiter(',', { lineEnd: 'mixed' })),
  table('a CSV that ends in blank lines', `${written(',', '\r\n')}\r\n\r\n`, people),
  table('a CSV that ends in lines of blanks', `${written(',', '\n')}   \n\t\n`, people),
  table('a CSV that ends in Ctrl-Z', `${written(',', '\r\n')}\x1a`, people, { rows: 2, badRows: 0 }),
  table('a CSV whose last row ends in Ctrl-Z', 'name,city\r\nAnn,Oslo\r\nBob,Rome\x1a', people),
  table('a CSV with blank lines between its rows', written(',', '\n\n'), people),
  table('semicolons', written(';', '\r\n'), people, delimiter(';', { delimiterFrom: 'content' })),
  table('semicolons, and rows that end in CR', written(';', '\r'), people, delimiter(';', { lineEnd: 'CR' })),
  {
    what: 'semicolons, and what the owner reads about them on the upload',
    send: { filename: 'table.csv', contentType: 'text/csv', body: written(';', '\n') },
    expected: {
      upload: { outputs: [{}, { name: 'table.json', note: '2 rows of 2 columns between semicolons.' }] },
    },
  },
  table('tabs in a CSV', written('\t', '\n'), people, delimiter('\t')),
  table('pipes', written('|', '\n'), people, delimiter('|')),
  table('carets', written('^', '\n'), people, delimiter('^')),
  table('tildes', written('~', '\n'), people, delimiter('~')),
  table('colons between names and between values', 'name:age\nBob:5\nAnn:6\n', [
    { name: 'Bob', age: '5' },
    { name: 'Ann', age: '6' },
  ]),
  table('unit separators, as Hive and ETL tools write them', written('\x1f', '\n'), people, delimiter('\x1f')),
  table('Start of Heading, as Hive writes tables', written('\x01', '\n'), people, delimiter('\x01')),
  table('blanks between numbers', 'x y\n1 2\n3 4\n', [
    { x: '1', y: '2' },
    { x: '3', y: '4' },
  ]),
  table('one row between semicolons', 'name;age\r\nBob;5\r\n', [{ name: 'Bob', age: '5' }]),
  table('decimal commas between semicolons', 'a;b\n1,5;2,5\n3,5;4,5\n', [
    { a: '1,5', b: '2,5' },
    { a: '3,5', b: '4,5' },
  ]),
  table('a comma in every name of people, between semicolons', 'Name;Age\nDoe, John;5\nRay, Ann;6\n', [
    { Name: 'Doe, John', Age: '5' },
    { Name: 'Ray, Ann', Age: '6' },
  ]),
  table('a comma in the header as well, between semicolons', 'Date;Amount, EUR\n01.02.;1,50\n02.02.;2,50\n', [
    { Date: '01.02.', 'Amount, EUR': '1,50' },
    { Date: '02.02.', 'Amount, EUR': '2,50' },
  ]),
  table('lists between semicolons inside of fields', 'id,tags\n1,a;b\n2,c;d;e\n', [
    { id: '1', tags: 'a;b' },
    { id: '2', tags: 'c;d;e' },
  ]),
  table('URLs and times between commas', 'at,url\n10:30,https://a.example/?x=1;y=2\n11:00,https://b.example/|\n', [
    { at: '10:30', url: 'https://a.example/?x=1;y=2' },
    { at: '11:00', url: 'https://b.example/|' },
  ]),
  table('one column of times', 'Time (hh:mm)\n10:30\n11:45\n', [
    { 'Time (hh:mm)': '10:30' },
    { 'Time (hh:mm)': '11:45' },
  ]),
  table('one column of decimal commas', 'Preis\n1,5\n2,75\n', [{ Preis: '1,5' }, { Preis: '2,75' }], {
    columnCount: 1,
  }),
  table(
    'one column',
    'email\na@example.com\nb@example.com\n',
    [{ email: 'a@example.com' }, { email: 'b@example.com' }],
    {
      dialect: { delimiter: null },
      warnings: ['No delimiter was found: the table has one column.'],
    },
  ),
  table('one column of full names', 'full name\nAnn Lee\nBob Ray\n', [
    { 'full name': 'Ann Lee' },
    { 'full name': 'Bob Ray' },
  ]),
  table('one column of text with a semicolon now and then', 'note\nall well\nwet; cold\nfine\n', [
    { note: 'all well' },
    { note: 'wet; cold' },
    { note: 'fine' },
  ]),
  partlyBad(
    'one column of text with a comma that is not quoted',
    'note\nall well\nwet, cold\nfine\n',
    [{ note: 'all well' }, { note: 'fine' }],
    {
      first: [{ line: 3, reason: 'The row has 2 fields, and the table 1 column.' }],
    },
  ),
  table("Excel's hint of semicolons", 'sep=;\r\nname;city\r\nAnn;Oslo\r\nBob;Rome\r\n', people, {
    dialect: { delimiter: ';', delimiterFrom: 'sep= line' },
    headerLine: 2,
  }),
  table("Excel's hint of a comma, behind a byte order mark", `\ufeffsep=,\r\n${written(',', '\r\n')}`, people),
  table("Excel's hint in quotes", `"sep=;"\r\n${written(';', '\r\n')}`, people),
  table("Excel's hint of a tab", `sep=\t\r\n${written('\t', '\r\n')}`, people),
  table("Excel's hint with an upper-case letter, before CR", `Sep=|\r${written('|', '\r')}`, people),
  table("Excel's hint of a delimiter that nobody would guess", 'sep=#\nname#city\nAnn#Oslo\nBob#Rome\n', people),
  refusedTable(
    "Excel's hint of another delimiter than the file has",
    'sep=;\nname,city\nAnn,Oslo\n',
    /No line has the delimiter ";", but "," would/,
  ),
  refusedTable(
    'fields that two delimiters divide alike',
    'a,b;c\n1,x;y\n2,z;w\n',
    /may be "[,;]" or "[,;]".*option delimiter/,
  ),
  typed('tabs with commas inside of fields', 'text/csv; header=present', 'a\tb\n1,5\t2,5\n', [{ a: '1,5', b: '2,5' }]),
  typed('a CSV without a header, as its content type says', 'text/csv; header=absent', 'Ann;5\nBob;6\n', [
    { column_1: 'Ann', column_2: '5' },
    { column_1: 'Bob', column_2: '6' },
  ]),
  table('numbers in the writing of Switzerland', "Konto;Betrag\nA;1'234.50\nB;12.00\n", [
    { Konto: 'A', Betrag: "1'234.50" },
    { Konto: 'B', Betrag: '12.00' },
  ]),
]
