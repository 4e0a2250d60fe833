import type { FieldCase } from '../field-case.ts'
import { table, typed } from './table-case.ts'

const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')

/** CSV as well-known programs export it. */
export const programs: readonly FieldCase[] = [
  table(
    'a German Excel export',
    '\ufeffDatum;Betrag;Währung;Notiz\r\n01.02.2026;1.234,56;EUR;"Müller; Söhne"\r\n02.02.2026;-7,00;EUR;\r\n',
    [
      { Datum: '01.02.2026', Betrag: '1.234,56', Währung: 'EUR', Notiz: 'Müller; Söhne' },
      { Datum: '02.02.2026', Betrag: '-7,00', Währung: 'EUR', Notiz: '' },
    ],
  ),
  typed(
    'a French Excel export in windows-1252',
    'text/csv; charset=windows-1252',
    Buffer.from('Pr\xe9nom;\xc2ge\r\nZo\xe9;5\r\n', 'latin1'),
    [{ Prénom: 'Zoé', Âge: '5' }],
  ),
  typed(
    'Unicode text of Excel, which is UTF-16 between tabs',
    'text/csv; charset=utf-16',
    utf16('name\tcity\r\nZoë\tKøbenhavn, DK\r\n'),
    [{ name: 'Zoë', city: 'København, DK' }],
  ),
  typed(
    'a report of Google Ads',
    'text/csv; charset=utf-16',
    utf16(
      'Campaign report\r\n"1 January 2026 - 31 January 2026"\r\nCampaign\tClicks\tCost\r\nBrand\t1,234\t56.70\r\nTotal: all\t1,234\t56.70\r\n',
    ),
    [
      { Campaign: 'Brand', Clicks: '1,234', Cost: '56.70' },
      { Campaign: 'Total: all', Clicks: '1,234', Cost: '56.70' },
    ],
  ),
  table('Google Sheets', 'Name,Joined,Score\r\n"Doe, John",1/2/2026,95%\r\n', [
    { Name: 'Doe, John', Joined: '1/2/2026', Score: '95%' },
  ]),
  table('LibreOffice with all texts in quotes', '"Name";"Wert"\n"A";1,5\n"B";2\n', [
    { Name: 'A', Wert: '1,5' },
    { Name: 'B', Wert: '2' },
  ]),
  table('Numbers of Apple, with a title of the table', 'Table 1;;\nName;City;Age\nAnn;Oslo;5\n', [
    { Name: 'Ann', City: 'Oslo', Age: '5' },
  ]),
  table('psql COPY CSV with NULL as \\N', 'id,name\n1,\\N\n2,"O""Neil"\n', [
    { id: '1', name: '\\N' },
    { id: '2', name: 'O"Neil' },
  ]),
  table('a MySQL export with backslashes', '"id","note"\n"1","5\\" pipe, long"\n"2",\\N\n', [
    { id: '1', note: '5" pipe, long' },
    { id: '2', note: '\\N' },
  ]),
  table('SQL Server Management Studio', '\ufeffid,name,at\r\n1,Ann,2026-01-02 03:04:05.000\r\n2,NULL,NULL\r\n', [
    { id: '1', name: 'Ann', at: '2026-01-02 03:04:05.000' },
    { id: '2', name: 'NULL', at: 'NULL' },
  ]),
  table('write.csv of R, whose rows have names', '"","mpg","cyl"\n"Mazda RX4",21,6\n"Datsun 710",22.8,4\n', [
    { '': 'Mazda RX4', mpg: '21', cyl: '6' },
    { '': 'Datsun 710', mpg: '22.8', cyl: '4' },
  ]),
  table('write.table of R with commas, whose header is one short', '"x","y"\n"1",5,6\n"2",7,8\n', [
    { '': '1', x: '5', y: '6' },
    { '': '2', x: '7', y: '8' },
  ]),
  table('pandas with an index', ',name,age\n0,Ann,5\n1,Bob,6\n', [
    { '': '0', name: 'Ann', age: '5' },
    { '': '1', name: 'Bob', age: '6' },
  ]),
  table('pandas with an index and one column', ',value\n0,5\n1,6\n', [
    { '': '0', value: '5' },
    { '': '1', value: '6' },
  ]),
  table('Salesforce, all in quotes', '"Id","Name","IsDeleted"\n"001","Acme, Inc.","false"\n', [
    { Id: '001', Name: 'Acme, Inc.', IsDeleted: 'false' },
  ]),
  table(
    'contacts of Outlook',
    'First Name,Last Name,E-mail Address,Notes\r\nAnn,Lee,ann@example.com,"line one\r\nline two"\r\n',
    [{ 'First Name': 'Ann', 'Last Name': 'Lee', 'E-mail Address': 'ann@example.com', Notes: 'line one\r\nline two' }],
  ),
  table(
    'a German bank',
    '"Kontonummer:";"DE12 3456 / Girokonto";\r\n\r\n"Von:";"01.01.2026";\r\n"Bis:";"31.01.2026";\r\n"Kontostand vom 31.01.2026:";"1.234,56 EUR";\r\n\r\n"Buchungstag";"Auftraggeber";"Verwendungszweck";"Betrag (EUR)";\r\n"02.01.2026";"Stadtwerke";"Strom, Januar";"-45,00";\r\n"03.01.2026";"Firma";"Lohn";"2.000,00";\r\n',
    [
      {
        Buchungstag: '02.01.2026',
        Auftraggeber: 'Stadtwerke',
        Verwendungszweck: 'Strom, Januar',
        'Betrag (EUR)': '-45,00',
        '': '',
      },
      {
        Buchungstag: '03.01.2026',
        Auftraggeber: 'Firma',
        Verwendungszweck: 'Lohn',
        'Betrag (EUR)': '2.000,00',
        '': '',
      },
    ],
    { headerLine: 7, dialect: { delimiter: ';' } },
  ),
  table('Stripe', 'id,Created (UTC),Amount,Description\nch_1,2026-01-02 10:00,12.50,"Order #5, paid"\n', [
    { id: 'ch_1', 'Created (UTC)': '2026-01-02 10:00', Amount: '12.50', Description: 'Order #5, paid' },
  ]),
  table(
    'products of Shopify with HTML in a field',
    'Handle,Body (HTML),Price\nhat,"<p class=""x"">Warm; soft</p>",9.90\nhat,,\n',
    [
      { Handle: 'hat', 'Body (HTML)': '<p class="x">Warm; soft</p>', Price: '9.90' },
      { Handle: 'hat', 'Body (HTML)': '', Price: '' },
    ],
  ),
  table('Garmin', 'Activity Type,Date,Distance,Time\nRunning,2026-01-02 07:00:00,"5.02","00:30:12"\n', [
    { 'Activity Type': 'Running', Date: '2026-01-02 07:00:00', Distance: '5.02', Time: '00:30:12' },
  ]),
  table(
    'weather with remarks above the header',
    'Station: Oslo\nElevation: 94 m\n\ndate,tmin,tmax\n2026-01-01,-5.2,1.0\n2026-01-02,-7.9,-0.5\n',
    [
      { date: '2026-01-01', tmin: '-5.2', tmax: '1.0' },
      { date: '2026-01-02', tmin: '-7.9', tmax: '-0.5' },
    ],
    { headerLine: 4 },
  ),
  table('a log of a PHP script with CRLF in LF rows', 'id,text\n1,"a\r\nb"\n', [{ id: '1', text: 'a\r\nb' }]),
]
