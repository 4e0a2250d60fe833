/**
 * How a benchmark and its children talk, over Node's IPC: the parent asks and a child answers; a child tells on its own.
 * Both ends are ours, so that a message of a known kind is taken to have its shape.
 */
export interface Question {
  id: number
  question: string
}

export interface Answer {
  id: number
  answer: unknown
}

export interface Event {
  event: string
  value: unknown
}

/** In a child: answers a question, whenever it is asked. */
export function answerParent(question: string, answer: () => unknown): void {
  process.on('message', (message: Question) => {
    if (message.question === question) send({ id: message.id, answer: answer() })
  })
  // The channel is no reason to live for a process that has nothing left to do.
  process.channel?.unref()
}

/** In a child: tells the parent that something happened. */
export function sendToParent(event: string, value: unknown): void {
  send({ event, value })
}

function send(message: Answer | Event): void {
  if (!process.send) throw new Error('This program is a child of a benchmark: it cannot be run by itself.')
  process.send(message)
}
