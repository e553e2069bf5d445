//! Which way of passing a pool on a make understands. Runs nothing: the caller asks make for its version.

/// How clients reach the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Two inherited descriptors of an anonymous pipe. Every make since 3.78 knows it in some spelling.
    Pipe,
    /// A named pipe, which every process below can open. Known since make 4.4.
    Fifo,
}

impl Style {
    /// The style that a make of this `make --version` output uses by itself.
    ///
    /// Reads the first line that names GNU Make, whatever the program's own name (`gmake`, or remake, which says
    /// `GNU Make 4.3+dbg-1.6`). Anything else is [`Style::Pipe`], which make 4.4 understands as well, whereas
    /// make 4.3 dies of a fifo.
    #[must_use]
    pub fn of_make(version_output: &str) -> Self {
        let version = version_output.lines().find_map(|line| {
            let (_, version) = line.split_once("GNU Make ")?;
            let mut numbers = version.split(|c: char| !c.is_ascii_digit());
            let major: u32 = numbers.next()?.parse().ok()?;
            let minor: u32 = numbers.next()?.parse().ok()?;
            Some((major, minor))
        });
        // 4.3.90 and its like are test releases of 4.4 that a distribution doesn't ship.
        if version >= Some((4, 4)) { Self::Fifo } else { Self::Pipe }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_follows_the_version_of_gnu_make_and_is_a_pipe_where_that_is_unknown() {
        for (output, style) in [
            ("GNU Make 4.3\nBuilt for x86_64-pc-linux-gnu\n", Style::Pipe),
            ("GNU Make 4.2.1\n", Style::Pipe),
            ("GNU Make 4.4\n", Style::Fifo),
            ("GNU Make 4.4.1\nBuilt for x86_64-pc-linux-gnu\n", Style::Fifo),
            ("GNU Make 4.10\n", Style::Fifo),
            ("GNU Make 5.0\n", Style::Fifo),
            ("GNU Make 3.81\n", Style::Pipe),
            ("GNU Make 4.3+dbg-1.5\n", Style::Pipe),
            ("GNU Make 4.4.1+dbg-1.6\n", Style::Fifo),
            ("wrapper: using the farm\nGNU Make 4.4.1\n", Style::Fifo),
            ("GNU Make four\n", Style::Pipe),
            ("GNU Make 4\n", Style::Pipe),
            ("GNU Make 99999999999999.4\n", Style::Pipe),
            ("bmake 20240101\n", Style::Pipe),
            ("", Style::Pipe),
        ] {
            assert_eq!(Style::of_make(output), style, "{output:?}");
        }
    }
}
