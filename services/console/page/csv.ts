/** Returns the first rows of a CSV text (RFC 4180). The delimiter is the one that the first line has most often. */
export function parseCsv(text: string, maxRows: number): string[][] {
  const [firstLine = ''] = text.split('\n', 1)
  const delimiter =
    [',', ';', '\t', '|'].toSorted((a, b) => firstLine.split(b).length - firstLine.split(a).length)[0] ?? ','
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let isQuoted = false
  for (let index = 0; index < text.length && rows.length < maxRows; index++) {
    const character = text[index] ?? ''
    if (isQuoted) {
      if (character !== '"') cell += character
      else if (text[index + 1] === '"') cell += text[++index]
      else isQuoted = false
    } else if (character === '"' && cell === '') isQuoted = true
    else if (character === delimiter) {
      row.push(cell)
      cell = ''
    } else if (character === '\n') {
      rows.push([...row, cell.replace(/\r$/, '')])
      row = []
      cell = ''
    } else cell += character
  }
  if ((cell !== '' || row.length > 0) && rows.length < maxRows) rows.push([...row, cell])
  return rows
}
