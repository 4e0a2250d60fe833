/** Repeats a unit up to a length. */
const repeat = (unit: string, length: number) => unit.repeat(Math.ceil(length / unit.length))

/** Creates a text of about `length` characters from numbered pieces. */
function numbered(length: number, piece: (index: number) => string): string {
  const pieces: string[] = []
  for (let index = 0, size = 0; size < length; index++) {
    const next = piece(index)
    pieces.push(next)
    size += next.length
  }
  return pieces.join('')
}

const FEW_COLUMNS = numbered(16_000, index => `c${index},`)

/** Creates files of about a given length that make a naive splitter or parser read the same characters again and again. */
export const csvShapes: Readonly<Record<string, (length: number) => string>> = {
  'a header alone, with a name for each column': length => numbered(length, index => `c${index},`),
  'a header of empty names': length => repeat(',', length),
  'a header in quotes': length => numbered(length, index => `"c${index}",`),
  'one column name of the whole size': length => repeat('x', length),
  'an open quote before short lines': length => `a,b\n"${repeat('1,2\n', length)}`,
  'an open quote in every line': length => `a\n${repeat('"x\n', length)}`,
  'an open quote in each last field': length => `a,b\n${repeat('1,"x\n', length)}`,
  'an open quote before lines with closed ones': length => `a,b\n"${repeat('"1","2"\n', length)}`,
  'an open quote before doubled ones': length => `a,b\n"${repeat('""\n', length)}`,
  'an open quote every thousand lines': length => `a,b\n${repeat(`"${repeat('1,2\n', 4_000)}`, length)}`,
  'an open quote at the end of short lines': length => `a,b\n${repeat('1,2\n', length)}"`,
  'quotes everywhere': length => `a\n${repeat('"', length)}`,
  'an odd number of quotes': length => `a\n"${repeat('""', length)}`,
  'a line of fields in quotes': length => `a\n${repeat('"1",', length)}`,
  'a line of empty fields in quotes': length => `a\n${repeat('"",', length)}`,
  'fields in quotes with line ends inside': length => `a,b\n${repeat('"1\n\n\n","2"\n', length)}`,
  'one field in quotes of line ends': length => `a\n"${repeat('\n', length)}"\n`,
  'open quotes behind quotes inside of unquoted fields': length => `a,b\n${repeat('x","\n', length)}`,
  'open quotes behind text after closing quotes': length => `a,b\n${repeat('"x"y,"\n', length)}`,
  'open quotes behind blanks': length => `a,b\n${repeat('x, "\n', length)}`,
  'open quotes in lines that end in a carriage return': length => `a,b\r${repeat('x,"\r', length)}`,
  'a quote of its own in every line': length => `a,b\n${repeat('"\n","\n', length)}`,
  'escaped quotes': length => `a,b\n"${repeat('\\"', length)}"`,
  'backslashes before a quote': length => `a,b\n${repeat(`"${repeat('\\', 1_000)}",1\n`, length)}`,
  'blanks before a quote': length => `a,b\n${repeat(' ', length)}"1",2\n`,
  'blanks behind a quote': length => `a,b\n"1"${repeat(' ', length)},2\n`,
  'bad rows that end in a carriage return': length => `a,b\r${repeat('1,"2"x\r"3\r', length)}`,
  'titles above no table': length => repeat('title\n,\n', length),
  'all delimiters at once': length => repeat('a,b;c\td|e\n', length),
  'words between blanks': length => repeat('a b: c^d\n', length),
  'one quote and many quotes of the other kind': length => `'a',"b"\n${repeat(`'1',"\n`, length)}`,
  'text after closing quotes': length => `a\n${repeat('"1"x', length)}`,
  'quotes inside of unquoted fields': length => `a\n${repeat('x"y\n', length)}`,
  'only delimiters': length => `a\n${repeat(',', length)}`,
  'lines of delimiters': length => `a\n${repeat(',,,\n', length)}`,
  'only line feeds': length => repeat('\n', length),
  'only carriage returns': length => repeat('\r', length),
  'carriage returns and line feeds': length => `a\n${repeat('\r\n', length)}`,
  'rows that end in a carriage return alone': length => repeat('a,b\r', length),
  'one long field': length => `a\n${repeat('x', length)}`,
  'only bad rows': length => `a,b\n${repeat('1\n', length)}`,
  'short rows': length => `a,b\n${repeat('1,2\n', length)}`,
  'many columns': length =>
    `${FEW_COLUMNS}\n${repeat(`${','.repeat(FEW_COLUMNS.split(',').length - 1)}\n`, length / 4)}`,
  NULs: length => `a\n${repeat('\0', length)}`,
  'lines of NULs': length => `a\n${repeat('\0\n', length)}`,
  'byte order marks': length => repeat('\ufeff', length / 3),
  'lines of byte order marks': length => `a\n${repeat('\ufeff\n', length / 4)}`,
}
