package interop;

import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** What the worker does, as one line of JSON each on standard output. */
final class Events {
    private Events() {}

    /** @param fields name and value in turn; a number is written as one, all else as a string */
    static synchronized void emit(String type, Object... fields) {
        StringBuilder line = new StringBuilder("{\"type\":\"").append(type).append('"');
        line.append(",\"atMicros\":").append(ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now()));
        for (int i = 0; i < fields.length; i += 2) {
            line.append(",\"").append(fields[i]).append("\":");
            if (fields[i + 1] instanceof Number) line.append(fields[i + 1]);
            else quote(line, String.valueOf(fields[i + 1]));
        }
        System.out.println(line.append('}'));
        System.out.flush();
    }

    private static void quote(StringBuilder line, String text) {
        line.append('"');
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') line.append('\\').append(c);
            else if (c < ' ') line.append(String.format("\\u%04x", (int) c));
            else line.append(c);
        }
        line.append('"');
    }
}
