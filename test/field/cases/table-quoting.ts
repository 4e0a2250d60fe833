import type { FieldCase } from '../field-case.ts'
import { partlyBad, refusedTable, table } from './table-case.ts'

/** Styles of quoting. */
export const quoting: readonly FieldCase[] = [
  {
    what: 'a CSV of RFC 4180 with quotes and a line end inside of a field',
    send: { filename: 'a.csv', contentType: 'text/csv', body: 'name,note\r\nAnn,"a ""b""\r\nc"\r\n' },
    expected: { rows: [{ name: 'Ann', note: 'a "b"\r\nc' }], further: ['table.json'] },
  },
  table('coordinates with a quote for seconds', `phone,at,city\n20,37°36'37.8"N 121°2'17.9"W,Modesto\n`, [
    { phone: '20', at: `37°36'37.8"N 121°2'17.9"W`, city: 'Modesto' },
  ]),
  table('inches', 'item,size\nTV,40"\nRadio,5"\n', [
    { item: 'TV', size: '40"' },
    { item: 'Radio', size: '5"' },
  ]),
  table('blanks before a quoted field', 'a,b\n1, "b, c"\n2, "d"\n', [
    { a: '1', b: 'b, c' },
    { a: '2', b: 'd' },
  ]),
  table('a blank behind every delimiter', 'a, b, c\n1, 2, 3\n', [{ a: '1', b: '2', c: '3' }], {
    dialect: { skipInitialSpace: true },
  }),
  table('a blank behind every delimiter, some fields in quotes', '"a", "b", "c"\n"x, y", 2, "3"\n', [
    { a: 'x, y', b: '2', c: '3' },
  ]),
  table('a blank before one field only', 'a,b\n1, x\n2,y\n', [
    { a: '1', b: ' x' },
    { a: '2', b: 'y' },
  ]),
  table('blanks behind a closing quote', 'a,b\n"1" ,"2"  \n', [{ a: '1', b: '2' }]),
  table('text behind a closing quote', 'a,b\n"1"x,2\n3,"4" y\n', [
    { a: '1x', b: '2' },
    { a: '3', b: '4 y' },
  ]),
  table(
    'quotes escaped by backslashes',
    'id,said\n1,"say \\"hi\\", Bob"\n2,"C:\\\\dir"\n',
    [
      { id: '1', said: 'say "hi", Bob' },
      { id: '2', said: 'C:\\dir' },
    ],
    { dialect: { escape: 'backslash' } },
  ),
  table(
    'a path that ends in a backslash, in quotes',
    'dir,size\n"C:\\dir\\",5\n"D:\\",6\n',
    [
      { dir: 'C:\\dir\\', size: '5' },
      { dir: 'D:\\', size: '6' },
    ],
    { dialect: { escape: 'doubled' } },
  ),
  table(
    'single quotes',
    "'name','city'\n'Doe, John','Oslo'\n'it''s','Rome'\n",
    [
      { name: 'Doe, John', city: 'Oslo' },
      { name: "it's", city: 'Rome' },
    ],
    { dialect: { quote: "'" } },
  ),
  table('apostrophes that are no quotes', "name,note\n'tis,x\nO'Brien,rock 'n' roll\n", [
    { name: "'tis", note: 'x' },
    { name: "O'Brien", note: "rock 'n' roll" },
  ]),
  table('an apostrophe before numbers that Excel must not change', "id,zip\n1,'00123\n2,'04567\n", [
    { id: '1', zip: "'00123" },
    { id: '2', zip: "'04567" },
  ]),
  table('formulas that keep leading zeros', 'id,zip\n1,="00123"\n2,="04567"\n', [
    { id: '1', zip: '="00123"' },
    { id: '2', zip: '="04567"' },
  ]),
  table('JSON in a field', 'key,val\n1,"{""type"": ""Point"", ""at"": [102.0, 0.5]}"\n', [
    { key: '1', val: '{"type": "Point", "at": [102.0, 0.5]}' },
  ]),
  table('other delimiters inside of quotes', 'a;b\n"1;2,3\t4|5";x\n', [{ a: '1;2,3\t4|5', b: 'x' }]),
  table('a CR inside of quotes in a file of CR', 'a,b,c\r1,2,3\r"Once upon\ra time",5,6\r', [
    { a: '1', b: '2', c: '3' },
    { a: 'Once upon\ra time', b: '5', c: '6' },
  ]),
  table('a header with a line end in it', '"first\nname",age\nAnn,5\n', [{ 'first\nname': 'Ann', age: '5' }]),
  table('empty fields in quotes', 'a,b\n"",""\n1,""\n', [
    { a: '', b: '' },
    { a: '1', b: '' },
  ]),
  table(
    'tables between tabs whose quotes are no quotes',
    'id\ttitle\n1\t"Heroes\n2\tRome"\n3\t"X\n',
    [
      { id: '1', title: '"Heroes' },
      { id: '2', title: 'Rome"' },
      { id: '3', title: '"X' },
    ],
    { dialect: { quote: null } },
  ),
  partlyBad(
    'a quote that is never closed',
    'a,b\n1,"x\n2,y\n3,z\n',
    [
      { a: '2', b: 'y' },
      { a: '3', b: 'z' },
    ],
    { badRows: 1, first: [{ line: 2, reason: /not closed/ }] },
  ),
  partlyBad(
    'a quote that is closed two rows later only',
    'a,b\n1,"x\n2,"y"\n3,z\n',
    [
      { a: '2', b: 'y' },
      { a: '3', b: 'z' },
    ],
    { badRows: 1, first: [{ line: 2, reason: /closing quote/ }] },
  ),
  refusedTable(
    'a header whose quote is never closed',
    '"a,b\n1,2\n',
    /^The header in line 1 cannot be read: A quote is opened and not closed/,
  ),
  refusedTable(
    'only a row with an open quote',
    'a,b\n1,"x\n',
    /^The only row cannot be read\. Line 2: A quote is opened and not closed/,
  ),
]
